import { db, Session } from "./docs/sequelize.ts";

export const migrate = () => db.sync();

export const users = async () =>
  (await Session.findAll({ raw: true })).map((row) => Reflect.get(row, "userId"));

export const close = () => db.close();
