export const en = { name: "Story", lead: "", empty: "", emptyHint: "" };
export const ko: typeof en = { name: "이야기", lead: "", empty: "", emptyHint: "" };
