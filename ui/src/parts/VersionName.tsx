import { Link } from "wouter";
import { useGet } from "../api/hooks";
import { shortId } from "./Thing";

/** A version by its number: `v3`. Versions never change, so each is asked for once. */
export function VersionName({ id }: { readonly id: string }) {
  const { data } = useGet("/v1/versions/{version}", { path: { version: id } }, { enabled: id !== "", forever: true });
  if (id === "") return <>–</>;
  return <Link href={`/models/versions/${id}`}>{data === undefined ? shortId(id) : `v${data.number}`}</Link>;
}
