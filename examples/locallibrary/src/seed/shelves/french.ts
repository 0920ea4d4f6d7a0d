import { available, maintenance, onLoan, reserved, type SeedAuthor } from "../shelf.ts";

export const french: SeedAuthor[] = [
  {
    firstName: "Alexandre",
    lastName: "Dumas",
    born: 1802,
    died: 1870,
    books: [
      {
        title: "The Three Musketeers",
        published: 1844,
        genres: ["Adventure", "Historical novel"],
        summary:
          "D'Artagnan arrives in Paris with an old horse and a quick temper, and by noon has three duels, which turn into three friends.",
        copies: [available("Pocket edition"), available("Bilingual edition"), onLoan("Hardback", 8)],
      },
      {
        title: "The Count of Monte Cristo",
        published: 1844,
        genres: ["Adventure", "Historical novel"],
        summary:
          "A sailor is buried alive in prison by three men who envied him. He comes out with a fortune, another name, and time.",
        copies: [available("Hardback"), onLoan("Pocket edition", 20), onLoan("Pocket edition", -1)],
      },
    ],
  },
  {
    firstName: "Gustave",
    lastName: "Flaubert",
    born: 1821,
    died: 1880,
    books: [
      {
        title: "Madame Bovary",
        published: 1857,
        genres: ["Psychological novel", "Social novel"],
        summary:
          "A country doctor's wife has read too many novels to be content with her life, and tries to live as people do in them.",
        copies: [available("Pocket edition"), reserved("Bilingual edition")],
      },
    ],
  },
  {
    firstName: "Victor",
    lastName: "Hugo",
    born: 1802,
    died: 1885,
    books: [
      {
        title: "Les Misérables",
        published: 1862,
        genres: ["Historical novel", "Social novel"],
        summary:
          "Nineteen years in the galleys for a loaf of bread, and then one kindness: Jean Valjean spends his life passing it on, with the law behind him.",
        copies: [available("Hardback"), onLoan("Pocket edition", 19), maintenance("Illustrated edition", 14)],
      },
      {
        title: "Notre-Dame de Paris",
        published: 1831,
        genres: ["Gothic fiction", "Historical novel"],
        summary:
          "A dancer, a priest, a captain and a bell-ringer in the Paris of 1482, and above them all the cathedral.",
        copies: [available("Illustrated edition"), available("Pocket edition")],
      },
    ],
  },
  {
    firstName: "Jules",
    lastName: "Verne",
    born: 1828,
    died: 1905,
    books: [
      {
        title: "Twenty Thousand Leagues Under the Seas",
        published: 1870,
        genres: ["Adventure", "Science fiction"],
        summary:
          "Three men hunt a sea monster and are taken aboard it: a ship of steel, whose captain has done with the land for good.",
        copies: [available("Illustrated edition"), available("Pocket edition"), onLoan("Hardback", 6)],
      },
      {
        title: "Around the World in Eighty Days",
        published: 1873,
        genres: ["Adventure"],
        summary:
          "Phileas Fogg, the most punctual man in London, bets half his fortune on the timetables of the whole world.",
        copies: [available("Pocket edition"), onLoan("Illustrated edition", 15)],
      },
    ],
  },
  {
    firstName: "",
    lastName: "Voltaire",
    born: 1694,
    died: 1778,
    books: [
      {
        title: "Candide",
        published: 1759,
        genres: ["Philosophy", "Satire"],
        summary:
          "A young man has been taught that all is for the best, and meets war, shipwreck and earthquake before he settles for a garden.",
        copies: [available("Bilingual edition"), available("Pocket edition")],
      },
    ],
  },
];
