import Link from "next/link";

import { AskButton } from "./AskButton";

export default function Home() {
  return (
    <main>
      <h1>A shop</h1>
      <AskButton question="How long is the delivery?" />
      <Link href="/more">More</Link>
    </main>
  );
}
