import { available, maintenance, onLoan, reserved, type SeedAuthor } from "../shelf.ts";

export const american: SeedAuthor[] = [
  {
    firstName: "Louisa May",
    lastName: "Alcott",
    born: 1832,
    died: 1888,
    books: [
      {
        title: "Little Women",
        published: 1868,
        genres: ["Coming of age", "Children's literature"],
        summary:
          "Four sisters grow up in Massachusetts while their father is away at war, each with a different idea of what to become.",
        copies: [available("Illustrated edition"), available("Large print"), onLoan("Pocket edition", 9)],
      },
    ],
  },
  {
    firstName: "L. Frank",
    lastName: "Baum",
    born: 1856,
    died: 1919,
    books: [
      {
        title: "The Wonderful Wizard of Oz",
        published: 1900,
        genres: ["Children's literature", "Fantasy"],
        summary:
          "A storm carries Dorothy out of Kansas. On the way to the wizard she meets three travellers who already have what they mean to ask him for.",
        copies: [available("Illustrated edition"), onLoan("Illustrated edition", 11)],
      },
    ],
  },
  {
    firstName: "Frances Hodgson",
    lastName: "Burnett",
    born: 1849,
    died: 1924,
    books: [
      {
        title: "The Secret Garden",
        published: 1911,
        genres: ["Children's literature", "Coming of age"],
        summary:
          "A lonely, ill-tempered girl finds the key to a garden that was shut up for ten years, and something in the whole house begins to grow.",
        copies: [available("Illustrated edition"), available("Pocket edition"), onLoan("Hardback", 21)],
      },
    ],
  },
  {
    firstName: "Frederick",
    lastName: "Douglass",
    born: 1818,
    died: 1895,
    books: [
      {
        title: "Narrative of the Life of Frederick Douglass, an American Slave",
        published: 1845,
        genres: ["Autobiography"],
        summary:
          "A man born a slave in Maryland tells how he taught himself to read, what that made impossible to bear, and how he got away.",
        copies: [available("School edition"), available("Pocket edition")],
      },
    ],
  },
  {
    firstName: "F. Scott",
    lastName: "Fitzgerald",
    born: 1896,
    died: 1940,
    books: [
      {
        title: "The Great Gatsby",
        published: 1925,
        genres: ["Social novel"],
        summary:
          "A man without a past gives splendid parties on Long Island, all for the sake of one guest who lives across the water.",
        copies: [available("Pocket edition"), onLoan("School edition", 1), onLoan("Hardback", 16)],
      },
    ],
  },
  {
    firstName: "Nathaniel",
    lastName: "Hawthorne",
    born: 1804,
    died: 1864,
    books: [
      {
        title: "The Scarlet Letter",
        published: 1850,
        genres: ["Historical novel", "Psychological novel"],
        summary:
          "Puritan Boston makes Hester Prynne wear her guilt on her dress. The man who shares it wears his where no one sees.",
        copies: [available("School edition"), available("Hardback")],
      },
    ],
  },
  {
    firstName: "Herman",
    lastName: "Melville",
    born: 1819,
    died: 1891,
    books: [
      {
        title: "Moby-Dick; or, The Whale",
        published: 1851,
        isbn: "9780142437247",
        genres: ["Adventure", "Philosophy"],
        summary:
          "A captain takes his ship and everyone on her across three oceans after the white whale that took his leg.",
        copies: [available("Hardback"), available("Pocket edition"), maintenance("Illustrated edition", 25)],
      },
    ],
  },
  {
    firstName: "Edgar Allan",
    lastName: "Poe",
    born: 1809,
    died: 1849,
    books: [
      {
        title: "Tales of the Grotesque and Arabesque",
        published: 1840,
        genres: ["Gothic fiction", "Short stories"],
        summary:
          "Twenty-five stories in two volumes, from the fall of the house of Usher to the man who met his own double.",
        copies: [available("Hardback"), onLoan("Pocket edition", 7)],
      },
    ],
  },
  {
    firstName: "Henry David",
    lastName: "Thoreau",
    born: 1817,
    died: 1862,
    books: [
      {
        title: "Walden; or, Life in the Woods",
        published: 1854,
        genres: ["Essay", "Philosophy"],
        summary:
          "The author builds himself a hut by a pond, counts what it cost to the half cent, and asks how much a person needs.",
        copies: [available("Pocket edition"), available("Hardback"), onLoan("Pocket edition", 18)],
      },
    ],
  },
  {
    firstName: "Mark",
    lastName: "Twain",
    born: 1835,
    died: 1910,
    books: [
      {
        title: "The Adventures of Tom Sawyer",
        published: 1876,
        genres: ["Adventure", "Children's literature"],
        summary:
          "A summer on the Mississippi with a fence to be whitewashed, a murder seen at midnight, and treasure in a cave.",
        copies: [available("Illustrated edition"), onLoan("Pocket edition", 14)],
      },
      {
        title: "Adventures of Huckleberry Finn",
        published: 1884,
        genres: ["Adventure", "Satire"],
        summary:
          "A boy who ran from his father and a man who ran from slavery share a raft down the river, and the boy decides what he owes a friend.",
        copies: [available("School edition"), available("Pocket edition"), reserved("Hardback")],
      },
    ],
  },
  {
    firstName: "Edith",
    lastName: "Wharton",
    born: 1862,
    died: 1937,
    books: [
      {
        title: "The Age of Innocence",
        published: 1920,
        genres: ["Romance", "Social novel"],
        summary:
          "In the New York of the 1870s a young man is engaged to just the right girl when her cousin comes back from Europe without her husband.",
        copies: [available("Pocket edition"), onLoan("Large print", 10)],
      },
    ],
  },
];
