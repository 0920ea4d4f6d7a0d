import { NestFactory } from "@nestjs/core";
import { FastifyAdapter, type NestFastifyApplication } from "@nestjs/platform-fastify";
import { session } from "coatcheck/fastify";
import { sessions } from "./sessions.js";
import { Site } from "./site.js";

const app = await NestFactory.create<NestFastifyApplication>(Site, new FastifyAdapter({ trustProxy: true }));
await app.register(session, sessions);
await app.listen(Number(process.env.PORT), process.env.HOST ?? "");
