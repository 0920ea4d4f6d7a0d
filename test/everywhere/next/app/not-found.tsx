export default function NotFound() {
  return <p id="answer">not found</p>;
}
