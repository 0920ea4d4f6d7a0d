// What LocalLibrary keeps in a session: the keys and their types, for the compiler to hold us to.
declare module "coatcheck" {
  interface SessionData {
    num_visits: number;
  }
}

export {};
