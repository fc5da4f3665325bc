import type { CurveAxis } from "../../charts/curves";
import { Choices } from "../../parts/Choices";
import { useUrlChoice, useUrlState } from "../../shell/url";
import { useWords } from "../../words";
import type { CurveSettings } from "./lines";

const axes = ["step", "time", "relative"] as const satisfies readonly CurveAxis[];

export function useCurveSettings(): [settings: CurveSettings, controls: React.ReactNode] {
  const words = useWords().tracking;
  const [axis, setAxis] = useUrlChoice("axis", axes);
  const [smoothingText, setSmoothing] = useUrlState("smoothing", "0");
  const [log, setLog] = useUrlChoice("scale", ["linear", "log"]);
  const smoothing = Math.min(0.99, Math.max(0, Number(smoothingText) || 0));
  const controls = (
    <>
      <label className="control">
        {words.smoothing}
        <input type="range" min="0" max="0.99" step="0.01" value={smoothing} onChange={(event) => setSmoothing(event.target.value)} />
        <output>{smoothing.toFixed(2)}</output>
      </label>
      <label className="control">
        <input type="checkbox" checked={log === "log"} onChange={(event) => setLog(event.target.checked ? "log" : "linear")} />
        {words.logScale}
      </label>
      <Choices label={words.axis} choices={axes.map((choice) => [choice, words.axes[choice]] as const)} chosen={axis} onChoose={setAxis} />
    </>
  );
  return [{ axis, smoothing, log: log === "log" }, controls];
}
