import type { Problem } from "./problem.ts";

/** A refusal thrown from where it is found to where it is answered. Never leaves the handlers. */
export class Refusal extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}
