export async function POST() {
  const said = globalThis.heard ?? [];
  globalThis.heard = [];
  return Response.json(said);
}
