import Link from "next/link";

export default function More() {
  return (
    <main>
      <h1>More of the shop</h1>
      <Link href="/">Home</Link>
    </main>
  );
}
