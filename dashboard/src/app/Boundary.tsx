import { Component, type ReactNode } from "react";

/** A page that fails takes only itself down, and says what happened. */
export class Boundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    const { error } = this.state as { error: unknown };
    if (error === null) return this.props.children;
    return (
      <div className="stack" role="alert" data-testid="page-failed">
        <h1>This page failed</h1>
        <p>{error instanceof Error ? error.message : String(error)}</p>
        <p>
          <button type="button" onClick={() => window.location.reload()}>
            Reload
          </button>
        </p>
      </div>
    );
  }
}
