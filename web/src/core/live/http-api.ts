/** ClusterApi over HTTP and one WebSocket to the server that served the page. */
import type {
  ApiError,
  ClusterEvent,
  Command,
  CommandAck,
  CommandRequest,
  FaultRequest,
  MetricRange,
  PlaybackRequest,
  PlaybackState,
  RunSummary,
  ServerFrame,
  Why,
} from '@paperfleet/core';
import type { ClusterApi, DeployFile, LiveListener, LiveSocket } from './api.ts';
import { ApiFailure } from './api.ts';

/** A key per press, so that a retried request acts once. */
function idempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function failureOf(response: Response): Promise<ApiFailure> {
  try {
    const { error } = (await response.json()) as ApiError;
    if (typeof error?.message === 'string') return new ApiFailure(error.code, error.message, error.hint, error.path, error.details);
  } catch {
    // Not our server's answer (a proxy, a crash): the status line is all there is.
  }
  return new ApiFailure(
    'PF_HTTP',
    `The server answered ${response.status} ${response.statusText}`.trim(),
    'Look at the terminal where the cluster runs.',
  );
}

export class HttpApi implements ClusterApi {
  readonly #base: string;
  readonly #socketUrl: string;

  /** @param origin – scheme, host and port of the server; @param run – a run's name, `live` is the main one. */
  constructor(origin: string, run: string) {
    this.#base = `${origin}/api/runs/${encodeURIComponent(run)}`;
    this.#socketUrl = `${this.#base.replace(/^http/, 'ws')}/live`;
  }

  async #request<T>(url: string, init?: RequestInit): Promise<T> {
    let response: Response;
    try {
      response = await fetch(url, init);
    } catch {
      throw new ApiFailure('PF_UNREACHABLE', 'The server does not answer', 'Is the cluster still running? The page reconnects by itself.');
    }
    if (!response.ok) throw await failureOf(response);
    return (await response.json()) as T;
  }

  #post<T>(path: string, body: unknown, headers: Record<string, string> = {}): Promise<T> {
    return this.#request<T>(`${this.#base}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  }

  open(from: number | null, listener: LiveListener): LiveSocket {
    const socket = new WebSocket(from === null ? this.#socketUrl : `${this.#socketUrl}?from=${from}`);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => listener.opened();
    socket.onmessage = (message: MessageEvent<unknown>) => {
      // Binary frames are a denser form of metrics that this build does not know; text carries everything.
      if (typeof message.data === 'string') listener.frame(JSON.parse(message.data) as ServerFrame);
    };
    socket.onclose = (event) => listener.closed(event.code, event.reason);
    return {
      send(frame) {
        if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
      },
      close() {
        socket.onopen = socket.onmessage = socket.onclose = null;
        socket.close(1000);
      },
    };
  }

  command(command: Command): Promise<CommandAck> {
    const key = idempotencyKey();
    const body: CommandRequest = { command, key };
    return this.#post('/commands', body, { 'idempotency-key': key });
  }

  fault(request: FaultRequest): Promise<CommandAck> {
    return this.#post('/faults', request);
  }

  playback(request: PlaybackRequest): Promise<PlaybackState> {
    return this.#post('/playback', request);
  }

  async events(query: { readonly before?: number; readonly limit: number; readonly subject?: string }): Promise<readonly ClusterEvent[]> {
    const search = new URLSearchParams({ limit: String(query.limit) });
    if (query.before !== undefined) search.set('before', String(query.before));
    if (query.subject !== undefined) search.set('subject', query.subject);
    const { events } = await this.#request<{ events: readonly ClusterEvent[] }>(`${this.#base}/events?${search}`);
    return events;
  }

  metrics(subject: string, fromUs: number, toUs: number, buckets: number): Promise<MetricRange> {
    const search = new URLSearchParams({
      subject,
      from: String(Math.round(fromUs)),
      to: String(Math.round(toUs)),
      buckets: String(buckets),
    });
    return this.#request(`${this.#base}/metrics?${search}`);
  }

  why(subject: string): Promise<Why> {
    return this.#request(`${this.#base}/why/${encodeURIComponent(subject)}`);
  }

  runs(): Promise<readonly RunSummary[]> {
    return this.#request(this.#base.replace(/\/[^/]*$/, ''));
  }

  deploy(name: string, files: readonly DeployFile[]): Promise<CommandAck> {
    return this.#post('/deploy', { name, files });
  }
}
