import { NestFactory } from "@nestjs/core";
import type { NestExpressApplication } from "@nestjs/platform-express";
import { session } from "coatcheck/express";
import { sessions } from "./sessions.js";
import { Site } from "./site.js";

const app = await NestFactory.create<NestExpressApplication>(Site);
app.set("trust proxy", 1);
app.use(session(sessions));
await app.listen(Number(process.env.PORT), process.env.HOST ?? "");
