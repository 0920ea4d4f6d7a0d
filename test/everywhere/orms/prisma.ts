import { db, store } from "./docs/prisma.ts";

export const migrate = () => store.createTable();

export const users = async () => (await db.session.findMany()).map(({ userId }) => userId);

export const close = () => db.$disconnect();
