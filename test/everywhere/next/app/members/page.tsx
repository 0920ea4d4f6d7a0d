import { getSession } from "coatcheck/next";
import { forbidden } from "next/navigation";
import { Suspense } from "react";
import { sessions } from "../../sessions";

export default function Members() {
  return (
    <Suspense>
      <Greeting />
    </Suspense>
  );
}

async function Greeting() {
  const { userId } = await getSession(sessions);
  if (userId === null) forbidden();
  return <p id="visitor">{`Hello ${userId}`}</p>;
}
