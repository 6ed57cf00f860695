// What the code blocks of the documentation use without an import.

// The package: a block may continue one that has the import.
declare const createBus: typeof import("sse-bus").createBus;
declare const sharedBus: typeof import("sse-bus").sharedBus;
declare const createSseRoute: typeof import("sse-bus/next").createSseRoute;
declare const createSseClient: typeof import("sse-bus/client").createSseClient;
declare const SseEventSource: typeof import("sse-bus/client").SseEventSource;
declare const useChannel: typeof import("sse-bus/react").useChannel;
declare const createHub: typeof import("sse-bus/hub").createHub;
declare const createSseHandler: typeof import("sse-bus/node").createSseHandler;
declare const createPublishHandler: typeof import("sse-bus/node").createPublishHandler;
declare const createTasks: typeof import("sse-bus/tasks").createTasks;
declare const jwtAuthorize: typeof import("sse-bus/jwt").jwtAuthorize;
declare const postgresBackend: typeof import("sse-bus/postgres").postgresBackend;
type Authorize = import("sse-bus/next").Authorize;

// Other packages.
declare const connection: typeof import("next/server").connection;
declare const useChat: typeof import("@ai-sdk/react").useChat;
declare const Pool: typeof import("pg").Pool;
declare const pool: import("pg").Pool;

// The reader's application.
declare const bus: import("sse-bus").Bus;
declare const client: import("sse-bus/client").SseClient;
declare const tasks: import("sse-bus/tasks").Tasks;
declare const messages: import("sse-bus").OutgoingMessage[];
declare const authorize: Authorize;
declare const listener: (data: unknown) => void;
declare const work: () => Promise<void>;
declare const id: string;
declare const user: { id: string; name: string; sessionEndsAt: number };
declare const order: { id: string; status: string; name: string };
declare const data: any;
declare const folderLog: any;
declare const findUser: any;
declare const formData: any;
declare const getToken: any;
declare const ImportError: ErrorConstructor;
declare const input: HTMLInputElement;
declare const loadChat: any;
declare const loaded: any;
declare const loadOrder: any;
declare const loadPrice: any;
declare const logger: Console;
declare const mayRead: any;
declare const myBackend: any;
declare const orderStatus: any;
declare const prisma: any;
declare const readSession: any;
declare const render: any;
declare const sample: any;
declare const saveOrder: any;
declare const session: any;
declare const shop: { id: string };
declare const sql: any;
declare const startServer: any;
declare const total: number;
declare const app: any;
declare const userOf: any;

// Its files, and packages that the demo does not have.
declare module "*";
