/* oxlint-disable typescript/no-unnecessary-type-parameters -- two conditional types are alike only if their conditions are */
type IsSame<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only if both types are identical; `any` equals only `any`. */
export function same<A, B>(...differ: IsSame<A, B> extends true ? [] : ["these differ"]): number {
  return differ.length;
}
