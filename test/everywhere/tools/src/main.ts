import { visit } from "./visit.ts";

void visit().then(() => console.log("visited"));
