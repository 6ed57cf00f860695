/** The classes of a text field. Text below 16 px would make iOS zoom in. */
export const fieldClass =
  "h-11 min-w-0 flex-1 rounded-lg border border-edge bg-surface px-3 text-base placeholder:text-muted aria-invalid:border-bad sm:text-sm";

/** The classes of a checkbox's or a radio button's label, which is part of the target. */
export const choiceClass = "flex min-h-11 cursor-pointer items-center gap-2 lg:min-h-9";
