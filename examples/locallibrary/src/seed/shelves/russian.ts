import { available, maintenance, onLoan, reserved, type SeedAuthor } from "../shelf.ts";

export const russian: SeedAuthor[] = [
  {
    firstName: "Anton",
    lastName: "Chekhov",
    born: 1860,
    died: 1904,
    books: [
      {
        title: "The Cherry Orchard",
        published: 1904,
        genres: ["Drama"],
        summary:
          "A family comes home to an estate that it cannot pay for. Everyone knows what has to be done, and they talk of other things.",
        copies: [available("School edition"), available("Pocket edition")],
      },
    ],
  },
  {
    firstName: "Fyodor",
    lastName: "Dostoevsky",
    born: 1821,
    died: 1881,
    books: [
      {
        title: "Crime and Punishment",
        published: 1866,
        genres: ["Detective fiction", "Psychological novel"],
        summary:
          "A poor student in St Petersburg reasons himself into a murder. The examining magistrate is in no hurry: reason will do the rest.",
        copies: [available("Pocket edition"), onLoan("Hardback", 9), reserved("Pocket edition")],
      },
      {
        title: "The Brothers Karamazov",
        published: 1880,
        genres: ["Philosophy", "Psychological novel"],
        summary:
          "Three brothers, a father whom each has cause to hate, and the question who killed him and who wished it.",
        copies: [available("Hardback"), onLoan("Pocket edition", 17)],
      },
    ],
  },
  {
    firstName: "Nikolai",
    lastName: "Gogol",
    born: 1809,
    died: 1852,
    books: [
      {
        title: "Dead Souls",
        published: 1842,
        genres: ["Satire", "Social novel"],
        summary:
          "A polite stranger drives from estate to estate and buys serfs who have died but are still on the books.",
        copies: [available("Pocket edition"), available("Hardback")],
      },
    ],
  },
  {
    firstName: "Leo",
    lastName: "Tolstoy",
    born: 1828,
    died: 1910,
    books: [
      {
        title: "War and Peace",
        published: 1869,
        genres: ["Historical novel"],
        summary:
          "Five families, fifteen years and Napoleon's march on Moscow, with room for balls, births, a wolf hunt and a theory of history.",
        copies: [available("Hardback"), maintenance("Pocket edition", 18), onLoan("Large print", 21)],
      },
      {
        title: "Anna Karenina",
        published: 1878,
        genres: ["Psychological novel", "Social novel"],
        summary:
          "A woman leaves a cold marriage for a great love and finds every door closed, while in the country a landowner looks for a way to live.",
        copies: [available("Pocket edition"), available("Hardback"), onLoan("Pocket edition", 5)],
      },
    ],
  },
];
