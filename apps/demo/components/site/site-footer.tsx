export function SiteFooter() {
  return (
    <footer className="border-t border-line">
      <div className="mx-auto flex max-w-7xl flex-wrap justify-between gap-x-8 gap-y-1 px-4 py-6 text-sm text-muted sm:px-6 lg:px-8">
        <p>sse-bus: real-time updates for Next.js over plain HTTP.</p>
        <p>MIT licence</p>
      </div>
    </footer>
  );
}
