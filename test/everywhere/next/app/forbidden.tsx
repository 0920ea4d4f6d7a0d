export default function Forbidden() {
  return <p id="answer">forbidden</p>;
}
