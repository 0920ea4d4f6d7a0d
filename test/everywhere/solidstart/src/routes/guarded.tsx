import { createAsync, query, redirect } from "@solidjs/router";
import { getSession } from "../session";

const look = query(async () => {
  "use server";
  getSession().login("ann");
  throw redirect("/");
}, "look");

export default function Guarded() {
  const nothing = createAsync(() => look());
  return <p>{nothing()}</p>;
}
