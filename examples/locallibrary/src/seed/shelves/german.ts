import { available, onLoan, reserved, type SeedAuthor } from "../shelf.ts";

export const german: SeedAuthor[] = [
  {
    firstName: "Johann Wolfgang von",
    lastName: "Goethe",
    born: 1749,
    died: 1832,
    books: [
      {
        title: "Faust",
        published: 1808,
        genres: ["Drama", "Philosophy"],
        summary:
          "A scholar who has studied everything and knows nothing offers the devil his soul for one moment worth holding on to.",
        copies: [available("Bilingual edition"), available("School edition"), onLoan("Hardback", 12)],
      },
      {
        title: "The Sorrows of Young Werther",
        published: 1774,
        genres: ["Psychological novel", "Romance"],
        summary:
          "In letters to a friend a young man tells of a spring in the country, of Lotte, and of her engagement to someone else.",
        copies: [available("Pocket edition"), reserved("Bilingual edition")],
      },
    ],
  },
  {
    firstName: "Franz",
    lastName: "Kafka",
    born: 1883,
    died: 1924,
    books: [
      {
        title: "The Metamorphosis",
        published: 1915,
        genres: ["Psychological novel", "Short stories"],
        summary:
          "Gregor Samsa wakes as an enormous insect and worries that he will be late for work. His family worries about the rent.",
        copies: [available("Pocket edition"), onLoan("Bilingual edition", 4), onLoan("School edition", -6)],
      },
      {
        title: "The Trial",
        published: 1925,
        genres: ["Philosophy", "Psychological novel"],
        summary:
          "One morning Josef K. is arrested. Nobody will say for what, and the court that tries him seems to sit in every attic.",
        copies: [available("Hardback"), available("Pocket edition")],
      },
    ],
  },
];
