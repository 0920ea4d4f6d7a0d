"use client";

export default function Failed() {
  return <p id="answer">failed</p>;
}
