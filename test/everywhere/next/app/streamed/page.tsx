import { getSession } from "coatcheck/next";
import { Suspense } from "react";
import { gate } from "../../gate";
import { sessions } from "../../sessions";

export default function Streamed() {
  return (
    <main>
      <Suspense>
        <Early />
      </Suspense>
      <Suspense fallback={<p id="waiting">waiting</p>}>
        <Late />
      </Suspense>
    </main>
  );
}

async function Early() {
  const session = await getSession(sessions);
  return <p id="early">{`${session.userId}`}</p>;
}

async function Late() {
  const session = await getSession(sessions);
  await gate().opened;
  const again = await getSession(sessions);
  return <p id="late">{`${again.userId} ${again === session}`}</p>;
}
