/** The compiler's own words for what it found out. */
export { reportText } from "@fieldloop/cloud/models/compiler/report-text";
