import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { reportQuery } from "../../api/model-queries.ts";
import { tr } from "../../text/t-report.ts";
import { Empty, Loaded } from "../../ui/states.tsx";
import { ReportView } from "./report/report-view.tsx";

/** What compiling the version found out, or how a version gets compiled. */
export function CompilationTab(props: {
  readonly name: string;
  readonly version: string;
  readonly file: string | undefined;
  readonly onFile: (kind: string) => void;
}) {
  const query = useQuery(reportQuery(props.name, props.version));
  return (
    <Loaded query={query} lines={8}>
      {(report) =>
        report === null ? (
          <Empty title={tr("none.title")} command={tr("none.command")}>
            <p>{tr("none.hint")}</p>
            <p>
              <Link to="/models/compile">{tr("none.link")}</Link>
            </p>
            <p>{tr("none.cli")}</p>
          </Empty>
        ) : (
          <ReportView report={report} file={props.file} onFile={props.onFile} />
        )
      }
    </Loaded>
  );
}
