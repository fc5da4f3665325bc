import { Component, type ReactNode } from "react";

interface CrashProperties {
  readonly says: string;
  readonly again: string;
  readonly children: ReactNode;
}

/** One broken page must not take the rail and the header with it. */
export class Crash extends Component<CrashProperties, { readonly error: Error | undefined }> {
  override state = { error: undefined };

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override render(): ReactNode {
    const error = this.state.error as Error | undefined;
    if (error === undefined) return this.props.children;
    return (
      <div className="note note-bad" role="alert">
        <p className="note-says">{this.props.says}</p>
        <p className="mono">{error.message}</p>
        <button type="button" className="button" onClick={() => this.setState({ error: undefined })}>
          {this.props.again}
        </button>
      </div>
    );
  }
}
