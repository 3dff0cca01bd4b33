/** Keeps a failure in one part of the page from taking the rest with it. */
import type { ComponentChildren } from 'preact';
import { Component } from 'preact';

interface Props {
  readonly children: ComponentChildren;
  /** A change of it tries again. */
  readonly subject: string;
}
interface State {
  readonly failure: Error | undefined;
  readonly subject: string;
}

export class Guard extends Component<Props, State> {
  override state: State = { failure: undefined, subject: this.props.subject };

  static override getDerivedStateFromError(failure: Error): Partial<State> {
    return { failure };
  }

  static override getDerivedStateFromProps(props: Props, state: State): Partial<State> | null {
    return props.subject === state.subject ? null : { failure: undefined, subject: props.subject };
  }

  override componentDidCatch(failure: Error): void {
    console.error(failure);
  }

  override render(): ComponentChildren {
    if (this.state.failure === undefined) return this.props.children;
    return (
      <div class="failure guard" role="alert">
        <b>This part of the page failed.</b>
        <span class="mono">{this.state.failure.message}</span>
        <button type="button" class="button" onClick={() => this.setState({ failure: undefined })}>
          Try again
        </button>
      </div>
    );
  }
}
