import { db, Session } from "./docs/typeorm.ts";

export const migrate = () => db.synchronize();

export const users = async () => (await db.getRepository(Session).find()).map(({ userId }) => userId);

export const close = () => db.destroy();
