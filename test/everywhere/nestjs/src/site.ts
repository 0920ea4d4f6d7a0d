import { Controller, Get, Module, NotFoundException, Post, Redirect, Req } from "@nestjs/common";
import type { Session } from "coatcheck";

interface VisitorRequest {
  readonly session: Session;
}

@Controller()
class Pages {
  @Get()
  home(@Req() { session }: VisitorRequest) {
    return `${session.userId}, visit ${session.update("visits", (n = 0) => n + 1)}`;
  }

  @Post("login")
  @Redirect("/", 303)
  login(@Req() { session }: VisitorRequest) {
    session.login("ann");
  }

  @Post("logout")
  @Redirect("/", 303)
  logout(@Req() { session }: VisitorRequest) {
    session.logout();
  }

  @Get("missing")
  missing(@Req() { session }: VisitorRequest) {
    session.login("ann");
    throw new NotFoundException();
  }

  @Get("guarded")
  @Redirect("/")
  guarded(@Req() { session }: VisitorRequest) {
    session.login("ann");
  }

  @Get("broken")
  broken(@Req() { session }: VisitorRequest) {
    session.login("ann");
    throw new Error("a bug");
  }
}

@Module({ controllers: [Pages] })
export class Site {}
