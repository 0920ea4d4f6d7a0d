import { available, maintenance, onLoan, reserved, type SeedAuthor } from "../shelf.ts";

export const british: SeedAuthor[] = [
  {
    firstName: "Jane",
    lastName: "Austen",
    born: 1775,
    died: 1817,
    books: [
      {
        title: "Pride and Prejudice",
        published: 1813,
        isbn: "9780141439518",
        genres: ["Romance", "Satire"],
        summary:
          "Elizabeth Bennet is sure that she has understood the proud Mr Darcy at first sight. Both of them have to find out how wrong a first impression can be.",
        copies: [
          available("Pocket edition"),
          available("Large print"),
          onLoan("Hardback", 9),
          onLoan("Pocket edition", -4),
        ],
      },
      {
        title: "Sense and Sensibility",
        published: 1811,
        genres: ["Romance"],
        summary:
          "Two sisters lose their home and their prospects. Elinor hides what she feels, Marianne hides nothing, and each pays for it.",
        copies: [available("Hardback"), onLoan("Pocket edition", 16), reserved("Pocket edition")],
      },
      {
        title: "Emma",
        published: 1815,
        genres: ["Romance", "Satire"],
        summary:
          "Clever, rich and bored, Emma Woodhouse arranges the marriages of her neighbours and reads every heart but her own.",
        copies: [available("Hardback"), available("School edition"), maintenance("Pocket edition", 12)],
      },
    ],
  },
  {
    firstName: "Charlotte",
    lastName: "Brontë",
    born: 1816,
    died: 1855,
    books: [
      {
        title: "Jane Eyre",
        published: 1847,
        isbn: "9780141441146",
        genres: ["Coming of age", "Gothic fiction", "Romance"],
        summary:
          "An orphan with a will of her own becomes governess in a house where someone laughs behind a locked door at night.",
        copies: [available("Hardback"), onLoan("Pocket edition", 3), onLoan("Large print", 20)],
      },
    ],
  },
  {
    firstName: "Emily",
    lastName: "Brontë",
    born: 1818,
    died: 1848,
    books: [
      {
        title: "Wuthering Heights",
        published: 1847,
        isbn: "9780141439556",
        genres: ["Gothic fiction", "Romance"],
        summary:
          "On the Yorkshire moors a foundling and the daughter of the house love each other past all reason, and two families are ruined by it.",
        copies: [available("Pocket edition"), available("Pocket edition"), reserved("Hardback")],
      },
    ],
  },
  {
    firstName: "Lewis",
    lastName: "Carroll",
    born: 1832,
    died: 1898,
    books: [
      {
        title: "Alice's Adventures in Wonderland",
        published: 1865,
        genres: ["Children's literature", "Fantasy"],
        summary:
          "A girl follows a hurried white rabbit underground, into a country where logic is a game and the rules are made up as it goes.",
        copies: [
          available("Illustrated edition"),
          available("Pocket edition"),
          onLoan("Illustrated edition", 7),
          maintenance("Hardback", 30),
        ],
      },
    ],
  },
  {
    firstName: "Wilkie",
    lastName: "Collins",
    born: 1824,
    died: 1889,
    books: [
      {
        title: "The Moonstone",
        published: 1868,
        genres: ["Detective fiction"],
        summary:
          "A yellow diamond vanishes from a country house on the night of a birthday, and everyone who was there tells a part of what happened.",
        copies: [available("Hardback"), onLoan("Pocket edition", 11)],
      },
    ],
  },
  {
    firstName: "Joseph",
    lastName: "Conrad",
    born: 1857,
    died: 1924,
    books: [
      {
        title: "Heart of Darkness",
        published: 1899,
        genres: ["Psychological novel"],
        summary:
          "A sailor tells of his way up a river in Africa, of the company he worked for, and of the man he was sent to bring back.",
        copies: [available("Pocket edition"), available("School edition"), onLoan("School edition", 5)],
      },
    ],
  },
  {
    firstName: "Charles",
    lastName: "Darwin",
    born: 1809,
    died: 1882,
    books: [
      {
        title: "On the Origin of Species",
        published: 1859,
        genres: ["Science"],
        summary:
          "Pigeons, barnacles, islands and twenty years of notes, gathered into one long argument: species change, and selection is how.",
        copies: [available("Hardback"), reserved("Pocket edition")],
      },
    ],
  },
  {
    firstName: "Charles",
    lastName: "Dickens",
    born: 1812,
    died: 1870,
    books: [
      {
        title: "A Christmas Carol",
        published: 1843,
        genres: ["Fantasy", "Social novel"],
        summary:
          "A miser who has no use for Christmas is visited by four ghosts in one night and wakes up a different man.",
        copies: [available("Illustrated edition"), available("Large print"), available("Pocket edition")],
      },
      {
        title: "A Tale of Two Cities",
        published: 1859,
        genres: ["Historical novel"],
        summary:
          "London and Paris, before and during the Revolution: two men who look alike love the same woman, and one of them takes the other's place.",
        copies: [available("Hardback"), onLoan("Pocket edition", 14), maintenance("Hardback", 21)],
      },
      {
        title: "Great Expectations",
        published: 1861,
        genres: ["Coming of age", "Social novel"],
        summary:
          "A blacksmith's boy comes into money from an unknown hand, becomes a gentleman, and learns late whom he should have thanked.",
        copies: [available("Pocket edition"), onLoan("Hardback", 2), onLoan("Large print", 18)],
      },
    ],
  },
  {
    firstName: "Arthur Conan",
    lastName: "Doyle",
    born: 1859,
    died: 1930,
    books: [
      {
        title: "The Adventures of Sherlock Holmes",
        published: 1892,
        genres: ["Detective fiction", "Short stories"],
        summary:
          "Twelve cases from Baker Street, among them a league of red-headed men, a speckled band, and the one woman who outwitted Holmes.",
        copies: [
          available("Hardback"),
          available("Pocket edition"),
          onLoan("Pocket edition", -9),
          reserved("Large print"),
        ],
      },
      {
        title: "The Hound of the Baskervilles",
        published: 1902,
        genres: ["Detective fiction", "Gothic fiction"],
        summary:
          "A family curse, the prints of a gigantic hound, and a moor that swallows whoever leaves the path: Holmes takes none of it for a ghost.",
        copies: [available("Pocket edition"), onLoan("Illustrated edition", 13)],
      },
    ],
  },
  {
    firstName: "George",
    lastName: "Eliot",
    born: 1819,
    died: 1880,
    books: [
      {
        title: "Middlemarch",
        published: 1871,
        genres: ["Social novel", "Psychological novel"],
        summary:
          "A provincial town, two unwise marriages, and the slow discovery that lives without fame hold up the rest.",
        copies: [available("Hardback"), available("Pocket edition")],
      },
    ],
  },
  {
    firstName: "Kenneth",
    lastName: "Grahame",
    born: 1859,
    died: 1932,
    books: [
      {
        title: "The Wind in the Willows",
        published: 1908,
        genres: ["Children's literature", "Fantasy"],
        summary:
          "Mole leaves his spring cleaning for the river, and with Rat and Badger tries to keep Mr Toad away from motor cars.",
        copies: [available("Illustrated edition"), onLoan("Hardback", 8), onLoan("Illustrated edition", 19)],
      },
    ],
  },
  {
    firstName: "William",
    lastName: "Shakespeare",
    born: 1564,
    died: 1616,
    books: [
      {
        title: "Hamlet",
        published: 1603,
        genres: ["Drama"],
        summary:
          "A prince is told by his father's ghost that he was murdered, and by whom. Everyone waits for what he will do, he most of all.",
        copies: [
          available("School edition"),
          available("School edition"),
          available("Hardback"),
          onLoan("School edition", 4),
        ],
      },
    ],
  },
  {
    firstName: "Mary",
    lastName: "Shelley",
    born: 1797,
    died: 1851,
    books: [
      {
        title: "Frankenstein; or, The Modern Prometheus",
        published: 1818,
        isbn: "9780141439471",
        genres: ["Gothic fiction", "Science fiction"],
        summary:
          "A student gives life to a creature and runs from it. The creature, who only wanted company, comes after him.",
        copies: [available("Pocket edition"), onLoan("School edition", 10), maintenance("Hardback", 6)],
      },
    ],
  },
  {
    firstName: "Robert Louis",
    lastName: "Stevenson",
    born: 1850,
    died: 1894,
    books: [
      {
        title: "Treasure Island",
        published: 1883,
        genres: ["Adventure", "Children's literature"],
        summary:
          "A map falls into the hands of an innkeeper's son, and the friendliest cook on board turns out to have plans of his own.",
        copies: [available("Illustrated edition"), available("Pocket edition"), onLoan("Hardback", 15)],
      },
      {
        title: "Strange Case of Dr Jekyll and Mr Hyde",
        published: 1886,
        genres: ["Gothic fiction", "Psychological novel"],
        summary:
          "A lawyer wonders why his respectable friend has left everything to a man whom no one can look at without a shudder.",
        copies: [available("Pocket edition"), reserved("Pocket edition")],
      },
    ],
  },
  {
    firstName: "H. G.",
    lastName: "Wells",
    born: 1866,
    died: 1946,
    books: [
      {
        title: "The Time Machine",
        published: 1895,
        genres: ["Science fiction"],
        summary:
          "An inventor comes late to his own dinner with a tale of the year 802701, where mankind has become two kinds.",
        copies: [available("Pocket edition"), available("Hardback"), onLoan("Pocket edition", 17)],
      },
      {
        title: "The War of the Worlds",
        published: 1898,
        genres: ["Science fiction"],
        summary:
          "Cylinders fall on the commons of Surrey. What climbs out of them walks on three legs towards London, and no army can stop it.",
        copies: [available("Illustrated edition"), onLoan("Pocket edition", 6)],
      },
    ],
  },
  {
    firstName: "Mary",
    lastName: "Wollstonecraft",
    born: 1759,
    died: 1797,
    books: [
      {
        title: "A Vindication of the Rights of Woman",
        published: 1792,
        genres: ["Essay", "Philosophy"],
        summary:
          "Give women the same schooling as men, the author argues, and the weakness that they are blamed for will be gone within a generation.",
        copies: [available("Pocket edition"), available("School edition")],
      },
    ],
  },
  {
    firstName: "Virginia",
    lastName: "Woolf",
    born: 1882,
    died: 1941,
    books: [
      {
        title: "Mrs Dalloway",
        published: 1925,
        genres: ["Psychological novel"],
        summary:
          "One June day in London: a woman buys flowers for her party, a soldier cannot leave the war behind, and the clocks strike for both.",
        copies: [available("Hardback"), onLoan("Pocket edition", 12), reserved("Pocket edition")],
      },
    ],
  },
];
