export default function Explore() {
  return (
    <div className="stack" data-testid="page-explore">
      <header className="page-head">
        <h1>Explore</h1>
      </header>
      <p className="muted">This page is being built.</p>
    </div>
  );
}
