/** One picture of a film, as a WebP file of its own, and how long it is shown. */
export interface Frame {
  webp: Buffer;
  milliseconds: number;
}

const ANIMATION = 0b10;

/** Joins pictures of one size to an animated WebP that begins anew for ever (WebP Container Specification). */
export function animatedWebp(frames: Frame[], width: number, height: number): Buffer {
  const size = Buffer.concat([uint24(width - 1), uint24(height - 1)]);
  const header = chunk("VP8X", Buffer.concat([Buffer.from([ANIMATION, 0, 0, 0]), size]));
  // A background colour, and the number of loops: 0 for no end.
  const animation = chunk("ANIM", Buffer.alloc(6));
  const pictures = frames.map(({ webp, milliseconds }) => {
    // At the corner, of this size, for so long, drawn over what was there.
    const place = Buffer.concat([uint24(0), uint24(0), size, uint24(milliseconds), Buffer.from([0b10])]);
    return chunk("ANMF", Buffer.concat([place, ...imageChunks(webp)]));
  });
  return chunk("RIFF", Buffer.concat([Buffer.from("WEBP"), header, animation, ...pictures]));
}

/** The chunks of a WebP file that hold its picture. */
function imageChunks(webp: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 12; at < webp.length; ) {
    const end = at + 8 + padded(webp.readUInt32LE(at + 4));
    if (["VP8 ", "VP8L", "ALPH"].includes(webp.toString("latin1", at, at + 4)))
      chunks.push(webp.subarray(at, end));
    at = end;
  }
  return chunks;
}

function chunk(name: string, content: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(content.length);
  return Buffer.concat([
    Buffer.from(name),
    length,
    content,
    Buffer.alloc(padded(content.length) - content.length),
  ]);
}

function padded(length: number): number {
  return length + (length % 2);
}

function uint24(value: number): Buffer {
  const bytes = Buffer.alloc(3);
  bytes.writeUIntLE(value, 0, 3);
  return bytes;
}
