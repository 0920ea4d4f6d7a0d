export default defineEventHandler((event) => {
  event.context.session.login("ann");
  throw createError({ statusCode: 404, statusMessage: "There is no such page." });
});
