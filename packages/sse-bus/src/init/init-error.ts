/** `init` cannot run here, or not with these flags. The message says why and what to do. */
export class InitError extends Error {
  /** 2 for a wrong command line, as in other programs; otherwise 1. */
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}
