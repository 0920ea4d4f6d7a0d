import "reflect-metadata";
import { Controller, Get, Module, Req } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { session } from "coatcheck/express";
import type { Request } from "express";

@Controller()
class Visits {
  @Get()
  count(@Req() request: Request): string {
    const visits = request.session.update("num_visits", (n = 0) => n + 1);
    return `You have visited this page ${visits} time(s).\n`;
  }
}

@Module({ controllers: [Visits] })
class Site {}

const app = await NestFactory.create(Site, { logger: ["error"] });
app.use(session()); // keeps the sessions in ./sessions.sqlite3

const port = Number(process.env.PORT ?? 8000);
await app.listen(port, "localhost");
console.log(`http://localhost:${port}`);
