import { available, maintenance, onLoan, reserved, type SeedAuthor } from "../shelf.ts";

export const irish: SeedAuthor[] = [
  {
    firstName: "Bram",
    lastName: "Stoker",
    born: 1847,
    died: 1912,
    books: [
      {
        title: "Dracula",
        published: 1897,
        isbn: "9780141439846",
        genres: ["Gothic fiction"],
        summary:
          "Told in diaries, letters and cuttings: a count from Transylvania buys a house near London, and a few friends learn what he is.",
        copies: [available("Hardback"), onLoan("Pocket edition", -2), onLoan("Pocket edition", 13)],
      },
    ],
  },
  {
    firstName: "Jonathan",
    lastName: "Swift",
    born: 1667,
    died: 1745,
    books: [
      {
        title: "Gulliver's Travels",
        published: 1726,
        genres: ["Adventure", "Satire"],
        summary:
          "A ship's surgeon is a giant in one country, a toy in the next, and comes home from the land of wise horses unable to bear people.",
        copies: [available("Illustrated edition"), available("Pocket edition"), maintenance("Hardback", 9)],
      },
    ],
  },
  {
    firstName: "Oscar",
    lastName: "Wilde",
    born: 1854,
    died: 1900,
    books: [
      {
        title: "The Picture of Dorian Gray",
        published: 1890,
        genres: ["Gothic fiction", "Philosophy"],
        summary:
          "A beautiful young man stays so, whatever he does. His portrait, locked away upstairs, does not.",
        copies: [available("Pocket edition"), available("Hardback"), reserved("Pocket edition")],
      },
      {
        title: "The Importance of Being Earnest",
        published: 1899,
        genres: ["Drama", "Satire"],
        summary:
          "Two gentlemen have invented the same convenient friend, two ladies will marry only a man of that name, and a handbag explains it all.",
        copies: [available("School edition"), onLoan("Pocket edition", 5)],
      },
    ],
  },
];
