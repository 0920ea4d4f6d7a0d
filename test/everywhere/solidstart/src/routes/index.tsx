import { createAsync, query } from "@solidjs/router";
import { getSession } from "../session";

const visit = query(async () => {
  "use server";
  const session = getSession();
  return `${session.userId}, visit ${session.update("visits", (n = 0) => n + 1)}`;
}, "visit");

export default function Home() {
  const text = createAsync(() => visit());
  return <p>{text()}</p>;
}
