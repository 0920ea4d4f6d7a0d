export default defineEventHandler((event) => {
  event.context.session.logout();
  return sendRedirect(event, "/", 303);
});
