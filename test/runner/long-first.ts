import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The files that take longest, though they are short themselves: Vitest takes the size of a file for its time where it has seen none. */
const LONG = [
  "express-session/connect-store.test.ts",
  "package/types.test.ts",
  "django/beside-django.test.ts",
  "frameworks/races.test.ts",
  "races/every-store.test.ts",
  "stores/libsql.test.ts",
  "express-session/real-packages.test.ts",
  "stores/mysql.test.ts",
  "stores/redis-sentinel.test.ts",
  "stores/redis-cluster.test.ts",
  "device/chromium.test.ts",
  "device/every-store.test.ts",
  "races/races.test.ts",
  "runtimes/runtimes.test.ts",
  "locallibrary/every-page.test.ts",
  "locallibrary/tour.test.ts",
  "locallibrary/chromium.test.ts",
  "stores/unplugged.test.ts",
  "races/two-processes.test.ts",
  "torture/torture.test.ts",
];

/** Begins with the longest files, so that none of them runs alone at the end. */
export default class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) =>
      LONG.some((name) => moduleId.endsWith(`/test/${name}`));
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}
