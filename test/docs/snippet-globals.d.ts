// What the code blocks of the documentation use without declaring it: the parts of the reader's application.

declare module "*";

declare const bus: import("sse-bus").Bus;
declare const client: import("sse-bus/client").SseClient;
