import { available, maintenance, onLoan, reserved, type SeedAuthor } from "../shelf.ts";
import { american } from "./american.ts";
import { british } from "./british.ts";
import { french } from "./french.ts";
import { german } from "./german.ts";
import { irish } from "./irish.ts";
import { russian } from "./russian.ts";

/** Every shelf of the library by the language that its books were written in. */
export const shelves: Record<string, SeedAuthor[]> = {
  English: [...american, ...british, ...irish],
  French: french,
  German: german,
  Russian: russian,
  Danish: [
    {
      firstName: "Hans Christian",
      lastName: "Andersen",
      born: 1805,
      died: 1875,
      books: [
        {
          title: "Fairy Tales Told for Children",
          published: 1835,
          genres: ["Children's literature", "Fantasy"],
          summary:
            "The tinderbox, the princess on the pea, the mermaid, the emperor's new clothes: old tales and new ones, told as one would speak.",
          copies: [available("Illustrated edition"), available("Large print"), onLoan("Hardback", 3)],
        },
      ],
    },
  ],
  "Ancient Greek": [
    {
      firstName: "",
      lastName: "Homer",
      books: [
        {
          title: "The Odyssey",
          genres: ["Adventure", "Epic poetry"],
          summary:
            "Ten years after Troy one man is still not home. His wife unpicks her weaving at night, and his son goes to look for him.",
          copies: [available("Bilingual edition"), available("School edition"), onLoan("Hardback", 10)],
        },
      ],
    },
  ],
  Italian: [
    {
      firstName: "Dante",
      lastName: "Alighieri",
      born: 1265,
      died: 1321,
      books: [
        {
          title: "The Divine Comedy",
          genres: ["Epic poetry", "Philosophy"],
          summary:
            "Lost in a dark wood halfway through his life, the poet is led down through hell, up the mountain of purgatory, and on to the stars.",
          copies: [available("Bilingual edition"), reserved("Illustrated edition")],
        },
      ],
    },
    {
      firstName: "Carlo",
      lastName: "Collodi",
      born: 1826,
      died: 1890,
      books: [
        {
          title: "The Adventures of Pinocchio",
          published: 1883,
          genres: ["Children's literature", "Fantasy"],
          summary:
            "A piece of wood that can talk is carved into a puppet that can run away, and learns everything the hard way.",
          copies: [available("Illustrated edition"), onLoan("Pocket edition", 13)],
        },
      ],
    },
  ],
  Norwegian: [
    {
      firstName: "Henrik",
      lastName: "Ibsen",
      born: 1828,
      died: 1906,
      books: [
        {
          title: "A Doll's House",
          published: 1879,
          genres: ["Drama"],
          summary:
            "Nora once forged a signature to save her husband's life. When he finds out, she learns what her marriage is made of.",
          copies: [available("School edition"), maintenance("Pocket edition", 5)],
        },
      ],
    },
  ],
  Spanish: [
    {
      firstName: "Miguel de",
      lastName: "Cervantes",
      born: 1547,
      died: 1616,
      books: [
        {
          title: "Don Quixote",
          published: 1605,
          genres: ["Adventure", "Satire"],
          summary:
            "A country gentleman has read so many tales of knights that he rides out to be one, with a farmer beside him who knows better and comes along.",
          copies: [available("Hardback"), available("Pocket edition"), onLoan("Illustrated edition", 22)],
        },
      ],
    },
  ],
};
