import { orm, Session } from "./docs/mikro-orm.ts";

export const migrate = () => orm.schema.update();

export const users = async () => (await orm.em.fork().findAll(Session)).map(({ userId }) => userId);

export const close = () => orm.close();
