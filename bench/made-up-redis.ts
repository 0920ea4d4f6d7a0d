/**
 * A client of node-redis that answers at once, from memory, so that neither a client nor a server is measured. It knows GET, and that a
 * script which is given a record stores it under the last key and says so; it compares no versions.
 */
export function madeUpRedis() {
  const values = new Map<string, string>();
  return {
    isOpen: true,
    isReady: true,
    async sendCommand([name, ...words]: readonly string[]): Promise<string | null> {
      if (name === "get") return values.get(words[0] as string) ?? null;
      const record = words.find((word) => word.startsWith("r "));
      const key = words[1 + Number(words[1])];
      if (name !== "evalsha" || record === undefined || key === undefined)
        throw new Error(`The made-up Redis does not know how to answer ${name}.`);
      values.set(key, record);
      return "saved";
    },
    multi() {
      throw new Error("The made-up Redis has no replicas.");
    },
  };
}
