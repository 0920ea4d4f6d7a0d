export default defineEventHandler((event) => {
  event.context.session.login("ann");
  throw new Error("a bug");
});
