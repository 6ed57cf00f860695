import type { ComponentProps } from "react";

const look = {
  primary: "bg-ink text-canvas hover:bg-ink/85",
  secondary: "border border-edge bg-surface text-ink hover:bg-sunken",
  quiet: "text-muted hover:bg-sunken hover:text-ink",
};

const size = {
  medium: "h-11 px-4 text-sm",
  small: "h-11 px-2 text-sm sm:px-2.5 lg:h-9",
  square: "size-11",
};

export interface ButtonLook {
  variant?: keyof typeof look;
  small?: boolean;
  /** Square, for an icon. Needs an `aria-label`. */
  square?: boolean;
}

/** The classes of a button, for links that look like one. */
export function buttonClass({ variant = "secondary", small, square }: ButtonLook = {}): string {
  const extent = square ? size.square : small ? size.small : size.medium;
  return `inline-flex shrink-0 cursor-pointer items-center justify-center gap-1.5 rounded-lg font-medium whitespace-nowrap aria-disabled:cursor-default aria-disabled:opacity-60 ${extent} ${look[variant]}`;
}

export function Button({
  variant,
  small,
  square,
  className = "",
  ...rest
}: ComponentProps<"button"> & ButtonLook) {
  const classes = buttonClass({
    ...(variant && { variant }),
    ...(small && { small }),
    ...(square && { square }),
  });
  return <button type="button" className={`${classes} ${className}`} {...rest} />;
}
