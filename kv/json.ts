// JSON as data, and JSON as text that must survive untouched.

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** JSON text taken off the wire and put back as it is: integers beyond 2^53 and unknown members survive. */
export interface RawJson {
  readonly rawJson: string;
}
