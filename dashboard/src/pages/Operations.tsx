export default function Operations() {
  return (
    <div className="stack" data-testid="page-operations">
      <header className="page-head">
        <h1>Operations</h1>
      </header>
      <p className="muted">This page is being built.</p>
    </div>
  );
}
