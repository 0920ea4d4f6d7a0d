/** Node 26 joins the writes of one turn into one chunk, and a held answer is sent in turns of its own. */
const joinsChunks = Number(process.versions.node.split(".")[0]) >= 26;

/** The bytes of answers, with each chunked body as one piece where Node joins chunks: where a chunk ends says nothing (RFC 9112, 7.1). */
export function withJoinedChunks(bytes: string): string {
  if (!joinsChunks) return bytes;
  const chunked = /\r\nTransfer-Encoding: chunked\r\n(?:.+\r\n)*\r\n/gi;
  const size = /([0-9a-f]+)\r\n/iy;
  let joined = "";
  let from = 0;
  for (let head = chunked.exec(bytes); head; head = chunked.exec(bytes)) {
    joined += bytes.slice(from, chunked.lastIndex);
    from = chunked.lastIndex;
    for (;;) {
      size.lastIndex = from;
      const length = Number.parseInt(size.exec(bytes)?.[1] ?? "0", 16);
      if (length === 0) break;
      joined += bytes.slice(size.lastIndex, size.lastIndex + length);
      from = size.lastIndex + length + "\r\n".length;
    }
    chunked.lastIndex = from;
  }
  return joined + bytes.slice(from);
}
