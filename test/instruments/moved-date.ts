// Preloaded into a process (`node --import`): at each SIGUSR2 its clock goes on by as many seconds as MOVED_DATE_STEP says.
const { now } = Date;
let moved = 0;
Date.now = () => now() + moved;
process.on("SIGUSR2", () => {
  moved += Number(process.env.MOVED_DATE_STEP) * 1000;
});
