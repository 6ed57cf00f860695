import Link from "next/link";

export default function NotFound() {
  return (
    <main id="content" className="not-found">
      <h1>This page does not exist</h1>
      <p>
        The address may be old. <Link href="/docs">Read the overview</Link>, or search with{" "}
        <kbd>Ctrl</kbd> <kbd>K</kbd>.
      </p>
    </main>
  );
}
