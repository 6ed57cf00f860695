import { expect, it } from "vitest";

import { newVisitorSecret, visitorCookie, visitorOf } from "../features/notifications/identity.ts";

const visitorWith = (cookie: string) => visitorOf(new Headers({ cookie }));

it("a visitor is the same with the same cookie, beside other cookies", () => {
  const secret = newVisitorSecret();
  const visitor = visitorWith(`${visitorCookie}=${secret}`);
  expect(visitor?.id).toMatch(/^[\da-f]{32}$/);
  expect(visitor?.name).toMatch(/^[A-Z][a-z]+ \d+$/);
  expect(visitorWith(`theme=dark; ${visitorCookie}=${secret}; other=1`)).toEqual(visitor);
  expect(visitorWith(`${visitorCookie}=${newVisitorSecret()}`)?.id).not.toBe(visitor?.id);
});

it("the id of a visitor, which everyone sees, does not identify them", () => {
  const secret = newVisitorSecret();
  const { id } = visitorWith(`${visitorCookie}=${secret}`) ?? { id: "" };
  expect(secret).not.toContain(id);
  expect(visitorWith(`${visitorCookie}=${id}`)).toBeUndefined();
  expect(visitorWith(`${visitorCookie}=${id.padEnd(43, "0")}`)?.id).not.toBe(id);
});

it("without the cookie, nobody is identified", () => {
  expect(visitorOf(new Headers())).toBeUndefined();
  for (const value of ["", "short", `${newVisitorSecret()}0`, `x${visitorCookie}`]) {
    expect(visitorWith(`${visitorCookie}=${value}`)).toBeUndefined();
  }
  expect(visitorWith(`x${visitorCookie}=${newVisitorSecret()}`)).toBeUndefined();
});
